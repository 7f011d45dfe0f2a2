-- Settings that were changed for all nodes while they ran, and who changed them. Rows are only ever
-- added: what holds is the newest row of each key, so what holds and what was done can't differ.
CREATE TABLE setting_change (
  -- Without a gap; the version of all settings once this row is there.
  version BIGINT PRIMARY KEY,
  key TEXT NOT NULL,
  -- What it was and what it became; null: not set.
  value_before TEXT,
  value_after TEXT,
  -- cluster: it holds for all nodes. file: a node has read it anew from its own file.
  scope TEXT NOT NULL CHECK (scope IN ('cluster', 'file')),
  -- Who did it, as the server has established it.
  tenant TEXT NOT NULL,
  principal TEXT NOT NULL,
  -- What the caller has said about itself, and why it did so.
  said_by TEXT NOT NULL,
  reason TEXT NOT NULL,
  -- The life of the node that took the change.
  node INTEGER NOT NULL,
  changed_at TIMESTAMPTZ NOT NULL DEFAULT now()
);

CREATE INDEX setting_change_key_idx ON setting_change (key, version DESC);

-- What holds for all nodes.
CREATE VIEW setting AS
  SELECT key, value_after AS value, version, tenant, principal, said_by, changed_at
  FROM (
    SELECT DISTINCT ON (key) * FROM setting_change WHERE scope = 'cluster'
    ORDER BY key, version DESC) AS newest
  WHERE value_after IS NOT NULL;

-- Up to which version each node follows, and what it can't follow ("KEY: why").
CREATE TABLE setting_applied (
  node INTEGER PRIMARY KEY REFERENCES cluster_node (number) ON DELETE CASCADE,
  version BIGINT NOT NULL,
  refused TEXT[] NOT NULL,
  applied_at TIMESTAMPTZ NOT NULL DEFAULT now()
);

-- Nobody changes what was done, an operator neither.
CREATE FUNCTION refuse_rewriting() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'rows of % are only ever added', TG_TABLE_NAME
    USING ERRCODE = 'object_not_in_prerequisite_state';
END
$$;

CREATE TRIGGER setting_change_fence BEFORE INSERT ON setting_change
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_fenced_node();
CREATE TRIGGER setting_change_for_ever BEFORE UPDATE OR DELETE OR TRUNCATE ON setting_change
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_rewriting();
