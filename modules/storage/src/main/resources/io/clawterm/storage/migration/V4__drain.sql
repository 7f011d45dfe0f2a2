-- A node that drains gives its sessions and devices to others, and takes none any more.
ALTER TABLE cluster_node ADD COLUMN draining_at TIMESTAMPTZ;
