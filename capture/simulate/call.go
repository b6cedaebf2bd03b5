package simulate

import "envelope/capture"

func (wa *whatsApp) call(a Act, from, to *line, at capture.Time) {}
