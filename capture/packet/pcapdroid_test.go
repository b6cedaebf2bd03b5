package packet

import "testing"

// droidBlock is the body of PCAPdroid's custom block for one user id.
func droidBlock(f fileBuilder, uid uint32, pkg, app string) fileBuilder {
	return f.empty().u32(droidPEN).raw(1, 1).u32(uid).raw(byte(len(pkg)), byte(len(app))).text(pkg).text(app)
}

// droidFrame is a frame of PCAPdroid: header, IP packet of n bytes, padding and
// trailer.
func droidFrame(ethernet bool, version byte, n int, magic uint32, app string, padding int) []byte {
	f := bigFile
	if ethernet {
		f = f.raw(filled(12, 0)...).u16(0x0800)
	}
	ip := filled(n, 0)
	ip[0] = version<<4 | 5
	if version == 4 {
		ip[2], ip[3] = byte(n>>8), byte(n)
	} else {
		ip[4], ip[5] = byte((n-40)>>8), byte(n-40)
	}
	ip[n-1] = 0xee
	name := append([]byte(app), filled(droidNameLen, 0)...)[:droidNameLen]
	return f.raw(ip...).raw(filled(padding, 0)...).u32(magic, 10123).raw(name...).u32(0xfc5fc5fc).b
}

func TestPCAPdroidTrailer(t *testing.T) {
	one := func(link uint32, frame []byte) fileBuilder {
		n := uint32(len(frame))
		return littleFile.pcap(magicMicro, 2, 4, 0, link).u32(1, 1, n, n).raw(frame...)
	}
	check(t, []fileCase{
		{"Ethernet", one(1, droidFrame(true, 4, 41, droidMagic, "Example", 1)), []string{"1 1.000001000 link 1 55/55 ee app Example"}},
		{"without padding", one(1, droidFrame(true, 4, 42, droidMagic, "Example", 0)), []string{"1 1.000001000 link 1 56/56 ee app Example"}},
		{"IPv6", one(1, droidFrame(true, 6, 60, droidMagic, "Example", 2)), []string{"1 1.000001000 link 1 74/74 ee app Example"}},
		{"raw", one(101, droidFrame(false, 4, 40, droidMagic, "Example", 0)), []string{"1 1.000001000 link 101 40/40 ee app Example"}},
		{"name as long as its field", one(1, droidFrame(true, 4, 42, droidMagic, "An app with a long, long name", 0)),
			[]string{"1 1.000001000 link 1 56/56 ee app An app with a long, "}},
		{"name cut within a character", one(1, droidFrame(true, 4, 42, droidMagic, "1234567890123456789é", 0)),
			[]string{"1 1.000001000 link 1 56/56 ee app 1234567890123456789"}},
		{"name with escape sequences", one(1, droidFrame(true, 4, 42, droidMagic, "\x1b[31mred\n", 0)),
			[]string{"1 1.000001000 link 1 56/56 ee app [31mred"}},
		{"other magic", one(1, droidFrame(true, 4, 42, droidMagic+1, "Example", 0)), []string{"1 1.000001000 link 1 88/88 fc"}},
		{"not right behind the packet", one(1, droidFrame(true, 4, 42, droidMagic, "Example", 4)), []string{"1 1.000001000 link 1 92/92 fc"}},
		{"other link type", one(113, droidFrame(true, 4, 42, droidMagic, "Example", 0)), []string{"1 1.000001000 link 113 88/88 fc"}},
		{"not IP", one(1, droidFrame(true, 7, 42, droidMagic, "Example", 0)), []string{"1 1.000001000 link 1 88/88 fc"}},
	})
}

func TestPCAPdroidBlocks(t *testing.T) {
	l, b := littleFile, bigFile
	comment := func(f fileBuilder, text string) fileBuilder { return f.option(optComment, []byte(text)...) }
	file := func(f, body fileBuilder, text string) fileBuilder {
		return f.section().iface(101, 0).block(blockCustom, body).
			epb(0, 1, 61, 61, 1, f.option(2, 1, 0, 0, 0), comment(f, text), f.option(optEnd))
	}
	with, without := []string{"2 0.000001000 link 101 61/61 01 app Example"}, []string{"2 0.000001000 link 101 61/61 01"}
	body := droidBlock(l, 10123, "org.example", "Example")
	check(t, []fileCase{
		{"known user", file(l, body, "u-10123"), with},
		{"big-endian", file(b, droidBlock(b, 10123, "org.example", "Example"), "u-10123"), with},
		{"aligned fields", file(l, l.u32(droidPEN).raw(1, 1, 0, 0).u32(10123).raw(11, 7, 0, 0).text("org.exampleExample"), "u-10123"), with},
		{"no app name", file(l, droidBlock(l, 10123, "org.example", ""), "u-10123"),
			[]string{"2 0.000001000 link 101 61/61 01 app org.example"}},
		{"system user", file(l, droidBlock(l, 0xffffffff, "unknown", "Example"), "u--1"), with},
		{"another user", file(l, body, "u-10124"), without},
		{"another comment", file(l, body, "u-10123 and more"), without},
		{"no digits", file(l, body, "u-"), without},
		{"huge number", file(l, body, "u-9999999999999999999999"), without},
		{"another enterprise", file(l, l.u32(droidPEN+1).raw(body.b[4:]...), "u-10123"), without},
		{"lengths that do not fit", file(l, l.u32(droidPEN).raw(1, 1).u32(10123).raw(200, 7).text("org.exampleExample"), "u-10123"), without},
		{"block too small", file(l, l.u32(droidPEN), "u-10123"), without},
	})
}
