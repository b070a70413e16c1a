-- Whether every point has seeds of its own, and how many it must have; 0: the points share theirs.
ALTER TABLE sweep ADD COLUMN independent_seeds INTEGER NOT NULL DEFAULT 0;
