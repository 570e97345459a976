package app

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/hookgraph/hookgraph/internal/webhooktest"
)

// A server examines itself on request, and finds nothing as long as nothing is wrong; what is wrong it finds, and says what to do. It leaves nothing in
// its directory.
func TestServerExaminesItself(t *testing.T) {
	t.Parallel()
	for kind, database := range map[string]string{"sqlite": t.TempDir(), "postgres": webhooktest.Postgres(t)} {
		t.Run(kind, func(t *testing.T) {
			if kind == "sqlite" {
				if err := os.Chmod(database, 0o700); err != nil {
					t.Fatal(err)
				}
			}
			p := boot(t, database)
			c := &client{url: p.url, token: p.token}
			var is struct {
				Data struct {
					Server struct {
						Checks []struct{ Name, Status, Found, Remedy string }
					}
				}
			}
			const query = `{"query": "{ server { checks(fresh: true) { name status found remedy } } }"}`
			c.rest(t, "POST", "/graphql", query, &is)
			checks := is.Data.Server.Checks
			if len(checks) < 20 || len(checks) > 40 {
				t.Errorf("%d checks", len(checks))
			}
			ofHost := []string{"file-system", "disk-space", "disk-sync", "descriptors", "tls-roots"} // of any machine that tests
			for _, check := range checks {
				if check.Status != "OK" && check.Status != "SKIPPED" && !slices.Contains(ofHost, check.Name) {
					t.Errorf("found %+v", check)
				}
			}
			if kind == "sqlite" {
				if left, err := filepath.Glob(filepath.Join(database, "*.new-*")); err != nil || len(left) > 0 {
					t.Errorf("it has left %v, %v", left, err)
				}
			}
			first := checks[0]
			c.rest(t, "POST", "/graphql", query, &is)
			if is.Data.Server.Checks[0] != first {
				t.Errorf("a second call gets %+v, the first %+v", is.Data.Server.Checks[0], first)
			}
		})
	}
}
