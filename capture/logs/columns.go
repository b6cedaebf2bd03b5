package logs

// Columns says which columns of a carrier's call records hold what.
type Columns struct {
	Names map[string]string // our name of a field (from, to, start, ...) to the column's in the file
}
