package payloads

import (
	"container/list"
	"context"
	"fmt"
	"sync"

	"gorm.io/gorm"

	"github.com/hookgraph/hookgraph/internal/store/dialect"
	"github.com/hookgraph/hookgraph/internal/webhook"
	"github.com/hookgraph/hookgraph/internal/webhook/payload"
)

// cacheBytes bounds the compiled settings that are kept in memory.
const cacheBytes = 16 << 20

// Cache keeps compiled versions, those that were used last. It is safe for concurrent use.
type Cache struct {
	read *gorm.DB

	mu    sync.Mutex // guards the fields below
	kept  map[int64]*list.Element
	order *list.List // of *compiled, that used last in front
	bytes int
}

type compiled struct {
	version int64
	tenant  webhook.ID
	payload *payload.Payload
}

// NewCache returns an empty cache.
func NewCache(read *gorm.DB) *Cache {
	return &Cache{read: read, kept: map[int64]*list.Element{}, order: list.New()}
}

// Get returns a version of a tenant, compiled. Errors: webhook.ErrNotFound, or that the database cannot be read.
func (c *Cache) Get(ctx context.Context, tenant webhook.ID, version int64) (*payload.Payload, error) {
	if p := c.find(tenant, version); p != nil {
		return p, nil
	}
	var r row
	res := c.read.WithContext(ctx).Where("seq = ? AND tenant_id = ?", version, tenant).Limit(1).Find(&r)
	if res.Error != nil {
		return nil, dialect.Unavailable(res.Error)
	}
	if res.RowsAffected == 0 {
		return nil, fmt.Errorf("payload version %d: %w", version, webhook.ErrNotFound)
	}
	settings, err := r.read()
	if err != nil {
		return nil, err
	}
	p, err := payload.Compile("payload", settings)
	if err != nil {
		return nil, fmt.Errorf("compile payload version %d: %w", version, err)
	}
	c.keep(&compiled{version, tenant, p})
	return p, nil
}

func (c *Cache) find(tenant webhook.ID, version int64) *payload.Payload {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.kept[version]
	if e == nil {
		return nil
	}
	is := e.Value.(*compiled)
	if is.tenant != tenant {
		return nil
	}
	c.order.MoveToFront(e)
	return is.payload
}

func (c *Cache) keep(is *compiled) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.kept[is.version] != nil {
		return
	}
	c.kept[is.version] = c.order.PushFront(is)
	for c.bytes += is.payload.Size(); c.bytes > cacheBytes && c.order.Len() > 1; {
		last := c.order.Back()
		gone := c.order.Remove(last).(*compiled)
		delete(c.kept, gone.version)
		c.bytes -= gone.payload.Size()
	}
}
