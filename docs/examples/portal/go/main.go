// Command go prints a link to the portal, for the tests of docs/portal.md.
package main

import (
	"fmt"
	"os"
)

func main() {
	link, err := portalLink(os.Args[1], os.Args[2])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(link)
}
