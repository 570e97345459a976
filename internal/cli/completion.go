package cli

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

// completing is the argument by which a shell asks for the words that may follow those after it, of which the last one is unfinished.
const completing = "__complete"

// scripts have a shell ask for completions.
var scripts = map[string]string{
	"bash": `_hookgraph() {
	local IFS=$'\n'
	COMPREPLY=($(hookgraph __complete "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
}
complete -o default -F _hookgraph hookgraph
`,
	"zsh": `#compdef hookgraph
_hookgraph() {
	local -a found
	found=("${(@f)$(hookgraph __complete "${(@)words[2,CURRENT]}" 2>/dev/null)}")
	compadd -- $found
}
compdef _hookgraph hookgraph
`,
	"fish": `complete -c hookgraph -a '(hookgraph __complete (commandline -opc)[2..] (commandline -ct | string collect --allow-empty) 2>/dev/null)'
`,
}

type completionCmd struct {
	Shell string `arg:"" enum:"bash,zsh,fish" help:"The shell: bash, zsh or fish."`
}

// Help tells how to use the script.
func (c *completionCmd) Help() string {
	return "Print a script that completes commands, flags and their values: source <(hookgraph completion bash) in ~/.bashrc, the same with zsh in ~/.zshrc, or hookgraph completion fish | source in ~/.config/fish/config.fish."
}

// Run prints the script.
func (c *completionCmd) Run(env *Env) error {
	_, err := io.WriteString(env.Stdout, scripts[c.Shell])
	return err
}

// complete prints the words that may stand in place of the last one, one a line.
func complete(root *kong.Node, words []string, to io.Writer) error {
	if len(words) == 0 {
		return errors.New(completing + " needs the unfinished word")
	}
	node, before := root, words[:len(words)-1]
	var last *kong.Flag // that waits for its value
	for _, word := range before {
		switch {
		case last != nil:
			last = nil
		case strings.HasPrefix(word, "--"):
			if f := flagOf(node, word[2:]); f != nil && !f.IsBool() {
				last = f
			}
		default:
			for _, child := range node.Children {
				if child.Name == word && child.Type == kong.CommandNode {
					node = child
					break
				}
			}
		}
	}
	unfinished := words[len(words)-1]
	found := candidates(node, last)
	if last == nil && (strings.HasPrefix(unfinished, "-") || len(found) == 0) {
		found = nil
		for _, f := range flags(node) {
			if f.Hidden {
				continue
			}
			if found = append(found, "--"+f.Name); f.IsBool() && f.Tag.Negatable != "" {
				found = append(found, "--no-"+f.Name)
			}
		}
	}
	for _, word := range found {
		if strings.HasPrefix(word, unfinished) {
			if _, err := fmt.Fprintln(to, word); err != nil {
				return err
			}
		}
	}
	return nil
}

// candidates are the values of the flag, or the commands and values that may follow the command.
func candidates(node *kong.Node, of *kong.Flag) (words []string) {
	if of != nil {
		if of.Enum != "" {
			words = of.EnumSlice()
		}
		return words
	}
	for _, child := range node.Children {
		if child.Type == kong.CommandNode && !child.Hidden {
			words = append(words, child.Name)
		}
	}
	for _, arg := range node.Positional {
		if arg.Enum != "" {
			words = append(words, arg.EnumSlice()...)
		}
	}
	return words
}

// flags are those of the command, of those above it, and of its default command.
func flags(node *kong.Node) (all []*kong.Flag) {
	for n := node; n != nil; n = n.Parent {
		all = append(all, n.Flags...)
	}
	for n := node.DefaultCmd; n != nil; n = n.DefaultCmd {
		all = append(all, n.Flags...)
	}
	return all
}

// flagOf returns the flag with the name; nil if there is none, or if the word has its value.
func flagOf(node *kong.Node, name string) *kong.Flag {
	all := flags(node)
	if i := slices.IndexFunc(all, func(f *kong.Flag) bool { return f.Name == name || slices.Contains(f.Aliases, name) }); i >= 0 {
		return all[i]
	}
	return nil
}
