// Package report writes an analyze.Report: Text for people, JSON for programs.
//
// Text starts with one or two sentences that say what happened and how sure
// that is, and follows with tables that fit the given width. Nothing in the
// text is cut silently: columns that do not fit move under another column, and
// rows that are left out are counted. Every string that came out of a capture
// passes Clean before it reaches a terminal.
//
// The package analyses nothing, reads no clock and knows no terminal; the same
// report and options give the same bytes.
package report
