-- Events that the list of sessions had to leave out, because the build that writes it could not read
-- them. Their session stands still until one can; then its line is made anew, and they go from here.
CREATE TABLE unreadable_event (
  persistence_id VARCHAR(255) NOT NULL,
  sequence_number BIGINT NOT NULL,
  -- Who has written it and as what: which release can read it shows there.
  serializer INTEGER NOT NULL,
  manifest TEXT NOT NULL,
  found_at TIMESTAMPTZ NOT NULL DEFAULT now(),
  PRIMARY KEY (persistence_id, sequence_number)
);
