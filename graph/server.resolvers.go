package graph

import (
	"context"

	"github.com/hookgraph/hookgraph/graph/model"
)

// Server is the resolver for the server field.
func (r *queryResolver) Server(ctx context.Context) (*model.Server, error) {
	return r.Settings.shown(), nil
}

// Nodes is the resolver for the nodes field.
func (r *serverResolver) Nodes(ctx context.Context, obj *model.Server) ([]*model.ServerNode, error) {
	nodes, err := r.Store.Nodes(ctx)
	if err != nil {
		return nil, err
	}
	shown := make([]*model.ServerNode, len(nodes))
	for i := range nodes {
		shown[i] = model.ShowNode(&nodes[i])
	}
	return shown, nil
}

// Tasks is the resolver for the tasks field.
func (r *serverResolver) Tasks(ctx context.Context, obj *model.Server) ([]*model.ServerTask, error) {
	shown := []*model.ServerTask{}
	if r.Resolver.Tasks != nil {
		for _, s := range r.Resolver.Tasks() {
			shown = append(shown, model.ShowTask(&s))
		}
	}
	return shown, nil
}

// Checks is the resolver for the checks field.
func (r *serverResolver) Checks(ctx context.Context, obj *model.Server, fresh bool) ([]*model.ServerCheck, error) {
	shown := []*model.ServerCheck{}
	if r.Resolver.Checks == nil {
		return shown, nil
	}
	results, at, err := r.Resolver.Checks(ctx, fresh)
	if err != nil {
		return nil, err
	}
	for i := range results {
		shown = append(shown, model.ShowCheck(&results[i], at))
	}
	return shown, nil
}

// Server is the resolver for the server field.
func (r *subscriptionResolver) Server(ctx context.Context) (<-chan *model.Server, error) {
	return r.serverChanges(ctx)
}

// Server returns ServerResolver implementation.
func (r *Resolver) Server() ServerResolver { return &serverResolver{r} }

type serverResolver struct{ *Resolver }
