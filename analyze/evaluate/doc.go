// Package evaluate holds reports against what really happened: contacts,
// groups, calls, single events and the probabilities that were stated. It also
// runs the published methods of finding out who talked to whom on the events of
// the same report, so that each figure stands beside theirs.
//
// The figures come from pure functions that know nothing of reports (Pairs,
// HitRate, Calibrate, Baselines), for use in tests of a matcher as well;
// Evaluate applies them to an analyze.Report and a Truth. Nothing here learns
// from the truth, with one exception that is named as such: BestF1 is what the
// best threshold would give if somebody knew it.
//
// The rules by which a statement counts as right are those that the labelled
// recordings came with: a party is a person by its address or account, events
// are matched one to one in time order, a pair counts once by its highest
// probability. Where a figure is not defined, such as the precision of no
// statement, it is absent rather than zero.
package evaluate
