-- run.max_running: how many jobs of a sweep may run at once; 0: as many as there is room for.
ALTER TABLE sweep ADD COLUMN max_running INTEGER NOT NULL DEFAULT 0 CHECK (max_running >= 0);
