-- Parameters that version 1 did not have; the defaults mean what every job before them did.
ALTER TABLE job ADD COLUMN dataset_path TEXT NOT NULL DEFAULT '';      -- '': known by its name
ALTER TABLE job ADD COLUMN dataset_format TEXT NOT NULL DEFAULT 'none';
ALTER TABLE job ADD COLUMN classes INTEGER NOT NULL DEFAULT 0;         -- 0: the data set's own
ALTER TABLE job ADD COLUMN resize INTEGER NOT NULL DEFAULT 0;          -- 0: the data set's own size
ALTER TABLE job ADD COLUMN crop_padding INTEGER NOT NULL DEFAULT 0;
ALTER TABLE job ADD COLUMN flip TEXT NOT NULL DEFAULT 'false';
