package evaluate

// Schema names the contract of the JSON document of envelope evaluate.
const Schema = "envelope/evaluation/1"

// Result is what envelope evaluate prints. A figure that is not defined is
// null; shares are from 0 to 1, times in seconds.
type Result struct {
	Schema   string     `json:"schema"`
	Truth    Happened   `json:"truth"`
	Reports  []Run      `json:"reports"`
	Identify *Identify  `json:"messages_until_likely"` // over the reports as ever longer parts of one recording; null where they are none
	Methods  []Baseline `json:"baselines"`             // what the columns beside the report's are; empty without --baselines
	Notes    []string   `json:"notes"`
}

// Happened counts the truth.
type Happened struct {
	People   int `json:"people"`
	Messages int `json:"messages"`
	Calls    int `json:"calls"`
	Any      int `json:"pairs_any"`
	Direct   int `json:"pairs_direct"`
	Groups   int `json:"groups"`              // with at least three known people
	Beyond   int `json:"with_people_outside"` // messages and calls with an end whose address is not known
}

// Run is one report against the truth.
type Run struct {
	Report      string         `json:"report"`
	Unknown     int            `json:"unknown_parties"` // parties of the report that are nobody of the truth
	Any         Contacts       `json:"contacts_any"`
	Direct      Contacts       `json:"contacts_direct"`
	Calibration Calibration    `json:"calibration"`
	BrierAll    *float64       `json:"brier_all_pairs"` // pairs that are not in the report count as probability 0
	Expected    []Expected     `json:"expected_false"`
	Sent        Matched        `json:"events_sent"`
	Received    Matched        `json:"events_received"`
	From        Attribution    `json:"attribution_sent"`
	To          Attribution    `json:"attribution_received"`
	Groups      GroupFigures   `json:"groups"`
	Calls       CallFigures    `json:"calls"`
	Identify    Identify       `json:"messages_until_likely"`
	Baselines   []Ranked       `json:"baselines"`
	Same        *Ranked        `json:"report_on_sample"` // the report by the same pairs as the baselines, where these are a sample
	Sample      *SampleOfPairs `json:"sample"`           // what the baselines looked at, null without them
}

// Scores are counts with the shares that follow from them.
type Scores struct {
	Counts
	P *float64 `json:"precision"`
	R *float64 `json:"recall"`
	F *float64 `json:"f1"`
}

func scoresOf(c Counts) Scores {
	return Scores{c, figure(c.Precision()), figure(c.Recall()), figure(c.F1())}
}

// Contacts are the figures of one question, who talked at all or who talked
// directly, at the grade likely and over thresholds.
type Contacts struct {
	Scores                    // of those of at least likely
	Often      *float64       `json:"recall_5_messages"` // of the pairs with at least five messages
	Seen       *float64       `json:"recall_both_seen"`  // of the pairs whose ends are both parties of the report
	Thresholds []AtThreshold  `json:"thresholds"`
	ByMessages []AtLeast      `json:"by_messages"`
	Ranking    RankingFigures `json:"ranking"`
}

// AtThreshold is what comes of believing every statement of at least P.
type AtThreshold struct {
	Threshold float64 `json:"threshold"`
	Scores
}

// AtLeast is recall by how much a pair wrote, and precision by how much the
// report says that it wrote, at the grade likely.
type AtLeast struct {
	Messages  int      `json:"messages"`
	Truth     int      `json:"pairs"`
	Recall    *float64 `json:"recall"`
	Said      int      `json:"said"`
	Precision *float64 `json:"precision"`
}

// RankingFigures are the figures that need no threshold.
type RankingFigures struct {
	Right   int        `json:"pairs_talked"`
	Wrong   int        `json:"pairs_not"`
	AUC     *float64   `json:"auc"`
	Average *float64   `json:"average_precision"`
	BestF1  *float64   `json:"best_f1"` // by a threshold chosen with the truth
	Best    *float64   `json:"best_f1_threshold"`
	TPR     []TPRAtFPR `json:"tpr_at_fpr"`
	Hits    []HitAtK   `json:"hit_rate"`
}

// TPRAtFPR is the true-positive rate at a false-positive rate.
type TPRAtFPR struct {
	FPR float64  `json:"fpr"`
	TPR *float64 `json:"tpr"`
}

// HitAtK is the hit-rate among the K best candidates.
type HitAtK struct {
	K    int      `json:"k"`
	Rate *float64 `json:"rate"`
}

// Expected holds the wrong contacts that were announced against the real ones.
// A contact is wrong when the pair did not talk in the way that is stated.
type Expected struct {
	Threshold float64 `json:"threshold"`
	Contacts  int     `json:"contacts"`
	Wrong     int     `json:"wrong"`
	Announced float64 `json:"expected_false"` // by the least probable of these contacts
	Doubt     float64 `json:"sum_of_doubt"`   // sum of 1 - probability
}

// Matched is how the events of one direction were found.
type Matched struct{ Scores }

// Attribution is how often the peer of a direct message was named rightly: of
// the events that were matched and name a peer, and of all direct messages.
type Attribution struct {
	P       *float64 `json:"precision"`
	R       *float64 `json:"recall"`
	Right   int      `json:"right"`
	Told    int      `json:"told"`
	Matched int      `json:"matched_direct"`
	Direct  int      `json:"direct"`
}

// GroupFigures are the figures of groups of at least three people.
type GroupFigures struct {
	Truth    int      `json:"truth"`
	Found    int      `json:"found"` // of at least possible
	Jaccard  *float64 `json:"mean_jaccard"`
	Spurious int      `json:"spurious"`        // that are not half like any group
	Missing  int      `json:"missing_members"` // of the groups that were found at least half
	Extra    int      `json:"extra_members"`
	Missed   int      `json:"missed"` // groups that no found one is half like
}

// CallFigures are the figures of calls. An answered call is linked when an
// event names its two people within eight seconds of its media.
type CallFigures struct {
	Answered   int       `json:"answered"`
	Linked     int       `json:"linked"`
	EndWithin  int       `json:"end_within_3s"`
	Path       int       `json:"path_right"`
	Media      int       `json:"media_right"`
	Unanswered int       `json:"unanswered"`
	Attempts   int       `json:"unanswered_found"`
	WrongPairs int       `json:"wrong_pairs"`
	Extra      int       `json:"extra"`          // calls of the report that are none of the truth
	SetUp      Quantiles `json:"setup_error_s"`  // begin of the event against dialling
	Answer     Quantiles `json:"answer_error_s"` // answer against the begin of media
	End        Quantiles `json:"end_error_s"`
}

// Quantiles are the middle, the 90th percentile and the highest of absolute
// errors in seconds.
type Quantiles struct {
	Count  int      `json:"count"`
	Median *float64 `json:"median"`
	P90    *float64 `json:"p90"`
	Max    *float64 `json:"max"`
}
