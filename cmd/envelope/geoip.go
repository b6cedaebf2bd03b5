package main

import (
	"net/netip"
	"strings"

	"github.com/oschwald/maxminddb-golang/v2"
)

// place is what is read of an address in a GeoIP2 database; databases of
// countries have no city.
type place struct {
	City struct {
		Names map[string]string `maxminddb:"names"` // by language
	} `maxminddb:"city"`
	Country struct {
		ISO   string            `maxminddb:"iso_code"`
		Names map[string]string `maxminddb:"names"`
	} `maxminddb:"country"`
}

// openPlaces opens a database of places (MMDB) and gives the lookup: "" for an
// address that is not in it. Without a path there is no lookup.
func openPlaces(path string) (func(netip.Addr) string, error) {
	if path == "" {
		return nil, nil
	}
	db, err := maxminddb.Open(path)
	if err != nil {
		return nil, usage("the file of a place database, such as GeoLite2-City.mmdb", "--geoip: %s: %w", path, err)
	}
	return func(a netip.Addr) string {
		var p place
		if err := db.Lookup(a.Unmap()).Decode(&p); err != nil {
			return "" // a damaged entry says nothing of one address
		}
		return p.text()
	}, nil
}

func (p *place) text() string {
	var parts []string
	for _, s := range []string{p.City.Names["en"], p.Country.Names["en"]} {
		if s != "" {
			parts = append(parts, s)
		}
	}
	if len(parts) == 0 {
		return p.Country.ISO
	}
	return strings.Join(parts, ", ")
}
