package browsertest

import (
	"fmt"

	"github.com/chromedp/chromedp"
)

// OpenTab chooses one of the four tabs that GraphiQL opens with, from 1 on, and waits until the tab has the text that its editor shows:
// GraphiQL writes it there a moment after it has changed and, if another tab is chosen meanwhile, into that one.
func (p *Page) OpenTab(number int) {
	p.t.Helper()
	p.WaitFor(`!document.querySelector("main").inert`)
	text := fmt.Sprintf("# %d of 4", number)
	isShown := p.Is(fmt.Sprintf(`document.querySelector(".graphiql-query-editor").innerText.replace(/\s+/g, " ").includes(%q)`, text))
	p.Do(chromedp.Click(chromedp.CSS(fmt.Sprintf("#graphiql-session-tab-%d", number-1))))
	p.WaitText(".graphiql-query-editor", text)
	if !isShown {
		p.WaitFor(fmt.Sprintf(`localStorage.getItem("graphiql:query").includes(%q)`, text))
	}
}
