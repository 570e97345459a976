package cli

import (
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/alecthomas/kong"

	"github.com/hookgraph/hookgraph/internal/webhook"
)

// parserWords are what kong says of values, and what users are told. In these the flag has a colon after it, so that its variable can be named.
var parserWords = []struct {
	said *regexp.Regexp
	told string
}{
	{regexp.MustCompile(`^(.*): expected a valid \d+ bit u?int but got (".*")$`), "$1: $2 is not a whole number, or is too large"},
	{regexp.MustCompile(`^(.*): bool value must be .* but got (".*")$`), "$1: $2 is neither true nor false"},
	{regexp.MustCompile(`^(.*): expected \S+ value but got "EOL".*$`), "$1: its value is missing"},
	{regexp.MustCompile(`^(.*): missing value, expecting .*$`), "$1: its value is missing"},
	{regexp.MustCompile(`^(.*): expected \S+ value but got "(-\d.*)" \(.*$`), `$1: "$2" is negative; if it is a text, write $1="$2"`},
	{regexp.MustCompile(`^(.*): expected \S+ value but got "(.*)" \(.*$`), `$1: its value is missing, because $2 is taken for a flag; if it is the value, write $1="$2"`},
	{regexp.MustCompile(`^missing flags: (.*)$`), "required: $1"},
}

var (
	notAmong  = regexp.MustCompile(`^(\S+) must be one of (".*") but got (".*")$`)
	noCommand = regexp.MustCompile(`^unexpected argument (.*?)(, did you mean .*)?$`)
)

// mistake returns an error of kong in this program's words.
func mistake(err error) error {
	said := err.Error()
	for _, w := range parserWords {
		if w.said.MatchString(said) {
			return &named{w.said.ReplaceAllString(said, w.told), err}
		}
	}
	if is := notAmong.FindStringSubmatch(said); is != nil {
		return &named{fmt.Sprintf("%s: %s is none of %s", is[1], is[3], strings.ReplaceAll(strings.ReplaceAll(is[2], `"`, ""), ",", ", ")), err}
	}
	node, command := selected(err)
	is := noCommand.FindStringSubmatch(said)
	if node != nil && node.Parent != nil && node.Parent.DefaultCmd == node && is != nil { // which nobody may have named
		node, command = node.Parent, strings.TrimSuffix(command, " "+node.Name)
	}
	helps := "; hookgraph help" + command + " shows what there is"
	switch {
	case node != nil && is != nil && len(node.Children) > 0:
		return &named{fmt.Sprintf("%s: there is no such command%s%s", strings.TrimSpace(command+" "+is[1]), is[2], helps), err}
	case is != nil:
		return &named{said + helps, err}
	case node != nil && strings.HasPrefix(said, "expected "):
		return &named{missing(node, command) + helps, err}
	case strings.HasPrefix(said, "unknown flag"):
		return &named{said + helps, err}
	}
	return err
}

// missing tells which arguments, or which command, the command needs.
func missing(node *kong.Node, command string) string {
	var names []string
	for _, arg := range node.Positional {
		if arg.Required && !arg.Set {
			names = append(names, strings.ToUpper(arg.Name))
		}
	}
	if len(names) > 0 && command != "" {
		return fmt.Sprintf("%s: %s is missing", command[1:], strings.Join(names, " and "))
	}
	for _, child := range node.Children {
		if !child.Hidden {
			names = append(names, child.Name)
		}
	}
	return fmt.Sprintf("%s: give one of its commands: %s", strings.TrimSpace(command), strings.Join(names, ", "))
}

// selected returns the command at which parsing ended, and its name after a space; nil if that is not known.
func selected(err error) (node *kong.Node, command string) {
	parsed, is := errors.AsType[*kong.ParseError](err)
	if !is || parsed.Context == nil {
		return nil, ""
	}
	node = parsed.Context.Model.Node
	for _, p := range parsed.Context.Path {
		if p.Command != nil {
			node, command = p.Command, command+" "+p.Command.Name
		}
	}
	return node, command
}

// checkEmpty refuses flags of commands that call a server, or make tokens, that are given without a value: the value was probably that of a variable
// which is not set, and without a condition the command would do its work for everything.
func checkEmpty(k *kong.Context) error {
	makesToken := slices.ContainsFunc(k.Path, func(p *kong.Path) bool { return p.Command != nil && p.Command.Name == "token" })
	if !calls(k) && !makesToken {
		return nil
	}
	for _, p := range k.Path {
		if p.Flag == nil || p.Resolved {
			continue
		}
		if kind := p.Flag.Target.Kind(); (kind == reflect.String || kind == reflect.Slice) && p.Flag.Target.Len() == 0 {
			return fmt.Errorf("--%s: is empty; give a value, or leave it out", p.Flag.Name)
		}
	}
	return nil
}

// checkText refuses arguments that are not UTF-8, names of files too: kong makes other texts of them, and so does JSON. It repeats none, which
// may be secret.
func checkText(args []string) error {
	for i, arg := range args {
		name, _, is := strings.Cut(arg, "=")
		switch {
		case utf8.ValidString(arg):
		case is && strings.HasPrefix(name, "-") && utf8.ValidString(name):
			return fmt.Errorf("%s: is not UTF-8", name)
		case i > 0 && strings.HasPrefix(args[i-1], "--") && !strings.Contains(args[i-1], "="):
			return fmt.Errorf("%s: is not UTF-8", args[i-1])
		default:
			return fmt.Errorf("argument %d: is not UTF-8", i+1)
		}
	}
	return nil
}

// calls reports whether the command calls a running server.
func calls(k *kong.Context) bool {
	return slices.ContainsFunc(k.Path, func(p *kong.Path) bool {
		return p.Command != nil && p.Command.Group != nil && p.Command.Group.Key == "remote"
	})
}

// checkIDs refuses arguments and flags that are no IDs, though they name objects of the server. The server is not asked for them.
func checkIDs(k *kong.Context) error {
	for _, p := range k.Path {
		var value *kong.Value
		var name, list string
		switch {
		case p.Positional != nil && p.Positional.Name == "id":
			value, name, list = p.Positional, "ID", lists(k.Selected())
		case p.Flag != nil && p.Flag.PlaceHolder == "ID" && p.Flag.Name != "external-id": // which people choose
			value, name = p.Flag.Value, "--"+p.Flag.Name
		default:
			continue
		}
		texts, is := reflect.TypeAssert[[]string](value.Target)
		if !is {
			texts = []string{value.Target.String()}
		}
		for _, text := range texts {
			if _, err := webhook.ParseID(text); err != nil {
				return fmt.Errorf("%s: %q is not an ID like 019db8a2-54a0-7c3e-9a51-2f1b6a0c9d11%s", name, text, list)
			}
		}
	}
	return nil
}

// lists says which command shows the IDs that a command takes.
func lists(command *kong.Node) string {
	for _, beside := range command.Parent.Children {
		if beside.Name == "list" || beside.Name == "sessions" {
			return "; hookgraph " + command.Parent.Name + " " + beside.Name + " shows them"
		}
	}
	return ""
}

// refused returns an error of a server about a header as one about the flag that the header's value came from.
func refused(k *kong.Context, err error) error {
	if err == nil {
		return nil
	}
	for _, f := range k.Flags() {
		switch value, _ := k.FlagValue(f).(string); {
		case value == "":
		case f.Name == "tenant" && strings.Contains(err.Error(), "the header Hookgraph-Tenant"):
			return &named{fmt.Sprintf("--tenant: the tenant %q does not exist, or the token may not act for it", value), err}
		case f.Name == "token" && strings.Contains(err.Error(), "a valid bearer token is required"):
			return &named{"--token: " + err.Error(), err}
		}
	}
	return err
}

func parseLevel(text string) (level slog.Level, err error) {
	if level.UnmarshalText([]byte(text)) != nil {
		err = fmt.Errorf("%q is none of debug, info, warn, error", text)
	}
	return level, err
}

// parsePort takes a port of a list, after whose commas there may be spaces, as there may be in other lists.
func parsePort(text string) (uint16, error) {
	n, err := strconv.ParseUint(strings.TrimSpace(text), 10, 16)
	if err != nil {
		return 0, fmt.Errorf("%q is not a whole number from 0 to 65535", text)
	}
	return uint16(n), nil
}

func parseTime(text string) (time.Time, error) {
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		err = fmt.Errorf("%q is not a time like 2026-04-23T14:00:00Z", text)
	}
	return t, err
}
