package browsertest_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/hookgraph/hookgraph/internal/web/browsertest"
)

// A click on an element that the page replaces every millisecond, 200 times, reaches one of them, and only once. It does not go on for longer: on a
// busy machine no click would be fast enough.
func TestDashboardClickOfReplaced(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprint(w, `<!doctype html><link rel="icon" href="data:,"><main></main><script>
			let clicks = 0, left = 200
			const draw = () => {
				const button = document.createElement("button")
				button.onmousedown = () => { clicks++; left = 200 }
				button.textContent = "Here"
				document.querySelector("main").replaceChildren(button)
			}
			draw()
			setInterval(() => { if (left-- > 0) draw() }, 1)
		</script>`)
	}))
	t.Cleanup(server.Close)
	page := browsertest.Open(t, server.URL)
	page.Do(chromedp.Navigate(server.URL))
	for i := range 20 {
		page.Do(chromedp.Click(chromedp.CSS("button")))
		page.WaitFor(fmt.Sprintf("clicks === %d", i+1))
	}
	page.CheckQuiet()
}
