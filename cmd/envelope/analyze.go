package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"envelope/analyze"
	"envelope/analyze/identity"
	"envelope/analyze/report"
	"envelope/analyze/service"
	"envelope/capture"
	"envelope/capture/logs"
)

// options is what analyze was asked for, as typed values.
type options struct {
	inputs      []string
	stdin       io.Reader
	flows       bool
	observers   map[string]capture.Observer // by clean path of a file or folder
	names       map[string]string           // by address or account
	service     string                      // only this one; all where empty
	least       float64                     // probability below which nothing is found
	from, to    capture.Time                // 0 where not given
	filter      string
	services    *service.Set
	channels    []capture.MessageList   // of --channel
	places      func(netip.Addr) string // where an address is; nil where not asked for
	noQUICHello bool
	logs        logs.Options
	as          capture.Observer // only the inputs of this one; "" for all
	command     string           // for Tool.Command
	progress    *progress
}

// flags are the flags of analyze as they were typed.
type flags struct {
	format, output, names, service, from, to, filter, tz string

	logTZ, columns, as, geoip string
	year                      int

	observers, servicesDir, channels []string

	least              float64
	flows, all         bool
	noQUICHello, quiet bool
}

func newAnalyze() *cobra.Command {
	f := &flags{}
	cmd := &cobra.Command{
		Use:   "analyze INPUT...",
		Short: "Analyse captures: who talked to whom, when and how",
		Long: `analyze reads captures and says who talked to whom, when and how, how sure that
is, and which packets show it. An INPUT is a file, a folder (all files in it) or
"-" for standard input. Formats and compression are recognised by content.

Exit codes: 0 done, 1 failed, 2 wrong usage, 3 done but part of the input could
not be read.`,
		Example: `  envelope analyze capture.pcapng
  envelope analyze --tz Europe/London --from "2026-03-02 14:00" router.pcap
  tcpdump -w - | envelope analyze -
  envelope analyze --format json -o report.json captures/`,
		RunE: func(cmd *cobra.Command, args []string) error { return runAnalyze(cmd, args, f) },
	}
	f.register(cmd.Flags())
	mustComplete(cmd, "format", reportFormats...)
	return cmd
}

// reportFormats are the forms that a report can be written in.
var reportFormats = []string{"text", "json", "message-log"}

func (f *flags) register(set *pflag.FlagSet) {
	set.SortFlags = false
	f.registerOutput(set)
	set.StringVarP(&f.output, "output", "o", "", "write the report to `FILE`, not over an input")
	set.BoolVar(&f.flows, "flows", false, "list every flow as well")
	set.StringArrayVar(&f.observers, "observer", nil, "who recorded an input, as `KIND=FILE`; KIND is one of "+observerKinds())
	set.StringVar(&f.as, "as", "", "answer for one observer, by its own inputs only: `KIND` as above")
	set.StringVar(&f.names, "names", "", "names for addresses and accounts: CSV `FILE` with the columns address or account, name")
	set.StringArrayVar(&f.channels, "channel", nil, "find who is in the conversation that a message list is of: CSV or JSON `FILE` with times, and sizes and kinds if known")
	set.StringVar(&f.service, "service", "", "look at one messenger only, by its `ID` (see envelope services)")
	set.StringVar(&f.from, "from", "", "leave out what was before `TIME`: RFC 3339, a date, or date and time in --tz")
	set.StringVar(&f.to, "to", "", "leave out what was at or after `TIME`")
	set.StringVar(&f.filter, "filter", "", "read only packets that match `EXPR`, as in tcpdump: \"host 192.0.2.7 and tcp\"")
	set.StringArrayVar(&f.servicesDir, "services", nil, "also read what is known of messengers from `DIR`")
	set.StringVar(&f.logTZ, "log-tz", "UTC", "time `ZONE` of log lines that name none")
	set.StringVar(&f.geoip, "geoip", "", "where public addresses are, by a place database: `FILE`.mmdb")
	set.IntVar(&f.year, "year", 0, "`YEAR` of log lines whose stamps have none; else the year of the other inputs")
	set.StringVar(&f.columns, "columns", "", "which columns of a carrier's call records hold what: `FILE` (see envelope formats)")
	set.BoolVar(&f.noQUICHello, "no-quic-hello", false, "do not open QUIC Initial packets, whose keys are public, for the server name")
	set.BoolVar(&f.quiet, "quiet", false, "no progress line and no warnings")
}

// registerOutput registers what demo has as well.
func (f *flags) registerOutput(set *pflag.FlagSet) {
	set.StringVar(&f.format, "format", "text", "`FORMAT` of the report: text, json or message-log (CSV, a row for each message)")
	set.BoolVar(&f.all, "all", false, "text: list each event, party and flow, and fold nothing")
	set.Float64Var(&f.least, "min-confidence", defaultLeast, "leave out what is less probable than `P`, from 0 to 1")
	set.StringVar(&f.tz, "tz", "UTC", "text: time `ZONE` such as Europe/London, or local")
}

// defaultLeast is the probability below which a statement has no grade.
const defaultLeast = 0.5

func observerKinds() string { return kindList(capture.Observers) }

// kindList lists observers.
func kindList(list []capture.Observer) string {
	var out []string
	for _, o := range list {
		out = append(out, string(o))
	}
	return strings.Join(out, ", ")
}

// mustComplete offers the values of a flag to the shell.
func mustComplete(cmd *cobra.Command, flag string, values ...string) {
	err := cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp))
	if err != nil {
		panic(err) // no such flag: a slip in this package
	}
}

func runAnalyze(cmd *cobra.Command, args []string, f *flags) error {
	o, write, err := f.options(cmd, args)
	if err != nil {
		return err
	}
	if err := checkOutput(f.output, args); err != nil {
		return err
	}
	if !f.quiet {
		o.progress = newProgress(cmd.ErrOrStderr())
	}
	rep, unread, err := analyzeInputs(cmd.Context(), o)
	o.progress.stop()
	if err != nil {
		return err
	}
	if err := output(cmd.OutOrStdout(), f.output, func(w io.Writer) error { return write(w, rep) }); err != nil {
		return err
	}
	return conclude(cmd.Context(), cmd.ErrOrStderr(), f.quiet, rep, unread)
}

// options turns the flags into typed values, and says how to write the report.
func (f *flags) options(cmd *cobra.Command, args []string) (*options, reportWriter, error) {
	if len(args) == 0 {
		return nil, nil, usage("give a capture file, a folder or -; without one at hand try: envelope demo", "no input given")
	}
	o := &options{inputs: args, stdin: cmd.InOrStdin(), flows: f.flows, service: f.service, filter: f.filter,
		noQUICHello: f.noQUICHello, command: commandLine(cmd)}
	// What is graded is found in any case, so that the text can count what it
	// leaves out. The analyzer takes 0 for its default.
	o.least = max(min(f.least, defaultLeast), 1e-9)
	zone, err := loadZone("tz", f.tz)
	if err != nil {
		return nil, nil, err
	}
	if err := f.logOptions(o); err != nil {
		return nil, nil, err
	}
	if err := f.times(o, zone); err != nil {
		return nil, nil, err
	}
	if o.observers, err = parseObservers(f.observers, args); err != nil {
		return nil, nil, err
	}
	if o.services, err = loadServices(f.servicesDir); err != nil {
		return nil, nil, err
	}
	if err := checkService(o.services, f.service); err != nil {
		return nil, nil, err
	}
	if o.names, err = readNames(f.names); err != nil {
		return nil, nil, err
	}
	if o.places, err = openPlaces(f.geoip); err != nil {
		return nil, nil, err
	}
	if o.channels, err = readChannels(f.channels, zone); err != nil {
		return nil, nil, err
	}
	write, err := f.writer(cmd, zone, o.services)
	return o, write, err
}

func (f *flags) times(o *options, zone *time.Location) (err error) {
	if o.from, err = parseTime("from", f.from, zone); err != nil {
		return err
	}
	if o.to, err = parseTime("to", f.to, zone); err != nil {
		return err
	}
	if f.from != "" && f.to != "" && o.from >= o.to {
		return usage("", "--from %s is not before --to %s", f.from, f.to)
	}
	return nil
}

func checkService(known *service.Set, id string) error {
	if id == "" {
		return nil
	}
	for _, s := range known.Services() {
		if s.ID == id {
			return nil
		}
	}
	return usage("envelope services lists what is known", "--service: unknown messenger %q", id)
}

// logOptions takes what the logs themselves do not say.
func (f *flags) logOptions(o *options) (err error) {
	if o.logs.Zone, err = loadZone("log-tz", cmp.Or(f.logTZ, "UTC")); err != nil {
		return err
	}
	if f.year != 0 && (f.year < 1970 || f.year > 2200) {
		return usage("", "--year: %d is no year of a log", f.year)
	}
	if f.as != "" && !isObserver(f.as) {
		return usage("KIND is one of "+observerKinds(), "--as: unknown observer %q", f.as)
	}
	o.as, o.logs.Year = capture.Observer(f.as), f.year
	o.logs.Columns, err = readColumns(f.columns)
	return err
}

func loadZone(flag, name string) (*time.Location, error) {
	typed := name
	if strings.EqualFold(name, "local") {
		name = "Local"
	}
	zone, err := time.LoadLocation(name)
	if err != nil || name == "" {
		return nil, usage("zones are named as in Europe/London; UTC and local work as well", "--%s: unknown time zone %q", flag, typed)
	}
	return zone, nil
}

// parseTime reads RFC 3339, a date, or date and time in the zone. A date is its
// first moment.
func parseTime(flag, s string, zone *time.Location) (capture.Time, error) {
	if s == "" {
		return 0, nil
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02T15:04",
		"2006-01-02 15:04:05.999999999", "2006-01-02 15:04", time.DateOnly} {
		if t, err := time.ParseInLocation(layout, s, zone); err == nil {
			return capture.TimeOf(t), nil
		}
	}
	return 0, usage(`write it as 2026-03-02T14:00:00Z, "2026-03-02 14:00" or 2026-03-02`, "--%s: cannot read the time %q", flag, s)
}

// observer is who recorded the file, where the user said so of it or of a folder
// that holds it.
func (o *options) observer(path string) (capture.Observer, bool) {
	for path = filepath.Clean(path); ; path = filepath.Dir(path) {
		kind, ok := o.observers[path]
		if ok || path == filepath.Dir(path) {
			return kind, ok
		}
	}
}

func parseObservers(values, inputs []string) (map[string]capture.Observer, error) {
	out := map[string]capture.Observer{}
	for _, v := range values {
		kind, file, ok := strings.Cut(v, "=")
		if !ok || file == "" || !isObserver(kind) {
			return nil, usage("write it as KIND=FILE; KIND is one of "+observerKinds(), "--observer: cannot read %q", v)
		}
		if !within(file, inputs) {
			return nil, usage("give the file as the input is given", "--observer: %s is not among the inputs", file)
		}
		out[filepath.Clean(file)] = capture.Observer(kind)
	}
	return out, nil
}

// within tells whether path is one of the inputs or lies below one.
func within(path string, inputs []string) bool {
	return slices.ContainsFunc(inputs, func(input string) bool {
		rel, err := filepath.Rel(input, path)
		return err == nil && (rel == "." || filepath.IsLocal(rel))
	})
}

func isObserver(kind string) bool {
	return slices.Contains(capture.Observers, capture.Observer(kind))
}

func readNames(path string) (map[string]string, error) {
	if path == "" {
		return nil, nil
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, usage("", "--names: %w", err)
	}
	defer file.Close()
	names, err := identity.ReadNames(file)
	if err != nil {
		return nil, usage("one line each: address or account, then the name", "--names: %s: %w", path, err)
	}
	return names, nil
}

// commandLine is the command with the flags that change the result, in fixed
// order; what only says where the report goes is left out.
func commandLine(cmd *cobra.Command) string {
	parts := []string{cmd.Name()}
	cmd.Flags().VisitAll(func(flag *pflag.Flag) {
		switch flag.Name {
		case "output", "quiet", "format", "tz", "all", "help":
			return
		}
		if !flag.Changed {
			return
		}
		if many, ok := flag.Value.(pflag.SliceValue); ok {
			for _, v := range many.GetSlice() {
				parts = append(parts, fmt.Sprintf("--%s=%s", flag.Name, v))
			}
			return
		}
		parts = append(parts, fmt.Sprintf("--%s=%s", flag.Name, flag.Value))
	})
	return strings.Join(parts, " ")
}

// selection names the flags that left packets out.
func (f *flags) selection() string {
	var out []string
	for _, x := range []struct{ flag, value string }{{"--from", f.from}, {"--to", f.to}, {"--filter", f.filter}, {"--service", f.service}} {
		if x.value != "" {
			out = append(out, x.flag)
		}
	}
	return strings.Join(out, ", ")
}

// reportWriter writes a report in the format that was asked for.
type reportWriter func(io.Writer, *analyze.Report) error

func (f *flags) writer(cmd *cobra.Command, zone *time.Location, known *service.Set) (reportWriter, error) {
	if !(f.least >= 0 && f.least <= 1) { // also refuses NaN
		return nil, usage("", "--min-confidence: %v is not from 0 to 1", f.least)
	}
	switch f.format {
	case "json":
		return func(w io.Writer, r *analyze.Report) error { return report.JSON(w, report.AtLeast(r, f.least)) }, nil
	case "message-log":
		return func(w io.Writer, r *analyze.Report) error { return report.MessageLog(w, report.AtLeast(r, f.least)) }, nil
	case "text":
		o := report.TextOptions{Zone: zone, Min: f.least, All: f.all, ServiceNames: serviceNames(known), Selection: f.selection()}
		if f.output == "" {
			o.Width = terminalWidth(cmd.OutOrStdout())
		}
		return func(w io.Writer, r *analyze.Report) error { return report.Text(w, r, o) }, nil
	}
	return nil, usage("formats are "+strings.Join(reportFormats, ", "), "--format: unknown format %q", f.format)
}

// conclude tells the warnings and what could not be read.
func conclude(ctx context.Context, stderr io.Writer, quiet bool, rep *analyze.Report, unread []error) error {
	for _, err := range unread {
		say(stderr, "error", err.Error())
	}
	if !quiet {
		for _, w := range allWarnings(rep, unread) {
			say(stderr, "warning", w)
		}
	}
	if ctx.Err() != nil {
		say(stderr, "error", "interrupted; the report holds what was read so far")
		return errPartial
	}
	if len(unread) > 0 {
		return errPartial
	}
	return nil
}

// allWarnings are the warnings of a report but for those that were told as
// errors.
func allWarnings(rep *analyze.Report, told []error) []string {
	var out []string
	add := func(w, path string) {
		if slices.ContainsFunc(told, func(err error) bool { return strings.HasPrefix(err.Error(), w) }) {
			return
		}
		if !strings.Contains(w, path) {
			w = path + ": " + w
		}
		out = append(out, w)
	}
	for _, in := range rep.Inputs {
		for _, w := range in.Warnings {
			add(w, in.Path)
		}
	}
	for _, w := range rep.Warnings {
		add(w, "")
	}
	return out
}
