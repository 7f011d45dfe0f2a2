-- What lists of sessions show. Written by the session projection alone, from the journal.
CREATE TABLE session_summary (
  session_id TEXT PRIMARY KEY,
  -- Journal number of the newest event that is in this row: an older one changes nothing.
  position BIGINT NOT NULL,
  tenant TEXT NOT NULL,
  owner TEXT NOT NULL,
  session_key TEXT,
  target TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('open', 'ended')),
  ended_reason TEXT,
  created_at TIMESTAMPTZ NOT NULL,
  touched_at TIMESTAMPTZ NOT NULL,
  expiry_seconds BIGINT NOT NULL,
  -- touched_at plus expiry_seconds; stored, because such a sum can't be indexed.
  expires_at TIMESTAMPTZ NOT NULL,
  run_open BOOLEAN NOT NULL,
  devices TEXT[] NOT NULL
);

CREATE INDEX session_summary_owner_idx
  ON session_summary (tenant, owner, created_at DESC, session_id DESC);
CREATE INDEX session_summary_run_idx ON session_summary (session_id)
  WHERE run_open AND state = 'open';
CREATE INDEX session_summary_expiry_idx ON session_summary (expires_at) WHERE state = 'open';

-- The tables of akka-projection-jdbc 1.4.0, which reads and writes them; names and types are its.
CREATE TABLE akka_projection_offset_store (
  projection_name VARCHAR(255) NOT NULL,
  projection_key VARCHAR(255) NOT NULL,
  current_offset VARCHAR(255) NOT NULL,
  manifest VARCHAR(4) NOT NULL,
  mergeable BOOLEAN NOT NULL,
  last_updated BIGINT NOT NULL,
  PRIMARY KEY (projection_name, projection_key)
);

CREATE INDEX akka_projection_name_index ON akka_projection_offset_store (projection_name);

CREATE TABLE akka_projection_management (
  projection_name VARCHAR(255) NOT NULL,
  projection_key VARCHAR(255) NOT NULL,
  paused BOOLEAN NOT NULL,
  last_updated BIGINT NOT NULL,
  PRIMARY KEY (projection_name, projection_key)
);
