-- +goose Up
-- What the pace of a replay counts from, which is some seconds ago.
ALTER TABLE replays ADD COLUMN pace_since INTEGER; -- NULL: created_at
ALTER TABLE replays ADD COLUMN pace_done INTEGER NOT NULL DEFAULT 0; -- deliveries sent or skipped then

-- +goose Down
ALTER TABLE replays DROP COLUMN pace_done;
ALTER TABLE replays DROP COLUMN pace_since;
