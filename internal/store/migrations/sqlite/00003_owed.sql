-- +goose Up
-- What a tenant is owed is listed along two indexes. A delivery that is sent at once is never in the first.
CREATE INDEX deliveries_waiting ON deliveries (tenant_id) WHERE status = 'PENDING' AND claimed_by IS NULL;
DROP INDEX deliveries_claimed;
CREATE INDEX deliveries_claimed ON deliveries (tenant_id) WHERE claimed_by IS NOT NULL;

-- +goose Down
DROP INDEX deliveries_claimed;
CREATE INDEX deliveries_claimed ON deliveries (claimed_by) WHERE claimed_by IS NOT NULL;
DROP INDEX deliveries_waiting;
