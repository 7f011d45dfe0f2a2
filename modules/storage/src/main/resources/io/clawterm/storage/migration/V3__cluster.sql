-- The lives of nodes. A row is one process from its start to its end; its number grows with each
-- life and is the epoch under which that life writes.
CREATE TABLE cluster_node (
  number INTEGER GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  cluster TEXT NOT NULL,
  version TEXT NOT NULL,
  -- host:port at which the other nodes reach it, and what tells it from another actor system there;
  -- empty until its actor system has started.
  address TEXT NOT NULL DEFAULT '',
  uid BIGINT NOT NULL DEFAULT 0,
  -- host:port at which devices reach it; empty where none can.
  devices_at TEXT NOT NULL DEFAULT '',
  started_at TIMESTAMPTZ NOT NULL DEFAULT now(),
  -- It has become a member of the cluster: others can join it.
  joined_at TIMESTAMPTZ,
  -- It was taken for dead, or has left: it may write nothing any more.
  fenced_at TIMESTAMPTZ,
  fenced_by INTEGER
);

-- What one node at a time may hold, such as the right to decide after a split.
CREATE TABLE lease (
  name TEXT PRIMARY KEY,
  owner TEXT NOT NULL,
  -- Grows whenever another owner gets it.
  epoch BIGINT NOT NULL,
  expires_at TIMESTAMPTZ NOT NULL
);

-- The access tokens of data folders, as SHA-256: a device may come to any node with that of another.
-- One that no node has shown for 30 days is void.
CREATE TABLE access_token (
  folder TEXT PRIMARY KEY,
  hash TEXT NOT NULL,
  seen_at TIMESTAMPTZ NOT NULL DEFAULT now()
);

-- Refuses what a fenced life writes. The shared lock makes check and use one step: who fences takes
-- it exclusively, so no write is checked before the fence and committed after it. Who names no node
-- writes nothing: an operator has to say so, with SET clawterm.node = 'operator'.
CREATE FUNCTION refuse_fenced_node() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  node TEXT := coalesce(current_setting('clawterm.node', true), '');
BEGIN
  IF node = '' THEN
    RAISE EXCEPTION 'the connection does not say which node it belongs to'
      USING ERRCODE = 'object_not_in_prerequisite_state',
        HINT = 'A pooler between node and database has to keep a session to one connection. Nodes of'
          ' a release before this one must be stopped. By hand: SET clawterm.node = ''operator''.';
  ELSIF node <> 'operator' THEN
    PERFORM pg_advisory_xact_lock_shared(1129074002, node::integer);
    IF NOT EXISTS (
      SELECT 1 FROM clawterm.cluster_node WHERE number = node::integer AND fenced_at IS NULL)
    THEN
      RAISE EXCEPTION 'node % is fenced: another one has taken over', node
        USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
  END IF;
  RETURN NULL;
END
$$;

CREATE TRIGGER event_journal_fence BEFORE INSERT OR UPDATE OR DELETE ON event_journal
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_fenced_node();
CREATE TRIGGER snapshot_fence BEFORE INSERT OR UPDATE OR DELETE ON snapshot
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_fenced_node();
