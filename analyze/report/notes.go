package report

// limits says what these inputs cannot show: another answer than "not seen".
func (p *printer) limits() {
	var items []string
	for _, l := range p.r.Limits {
		items = append(items, Clean(l.What)+": "+Clean(l.Why))
	}
	p.bullets("Cannot be seen from "+these(len(p.r.Inputs)), items)
}

func (p *printer) warnings() {
	var items []string
	for _, w := range p.r.Warnings {
		items = append(items, Clean(w))
	}
	for _, in := range p.r.Inputs {
		for _, w := range in.Warnings {
			items = append(items, "input "+Clean(in.ID)+": "+Clean(w))
		}
	}
	p.bullets("Warnings", items)
}

// hashDigits is how much of the SHA-256 the text shows; the JSON has it whole.
const hashDigits = 16

func (p *printer) inputs() {
	t := &table{into: 1, cols: []column{
		{title: "input", keep: 9},
		{title: "file", keep: 9, least: 16},
		{title: "format", keep: 4},
		{title: "seen by", keep: 5, prefix: "seen by "},
		{title: p.evidenceTitle(), right: true, keep: 6, prefix: p.evidenceTitle() + " "},
		{title: "records", right: true, keep: 0, spare: true},
		{title: "from - to", keep: 1, spare: true},
		{title: "sha256 begins", keep: 3, prefix: "sha256 begins "},
	}}
	for _, in := range p.r.Inputs {
		time := ""
		if in.First != nil && in.Last != nil {
			time = p.fromTo(*in.First, *in.Last)
		}
		hash := in.SHA256
		t.add(Clean(in.ID), Clean(in.Path), Clean(in.Format), Clean(in.Observer), grouped(in.Packets), grouped(in.Records),
			time, Clean(hash[:min(len(hash), hashDigits)]))
	}
	p.section("Inputs ("+p.evidenceTitle()+" above are given as input:number)", t)
}
