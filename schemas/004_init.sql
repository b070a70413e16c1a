-- A file of weights that a training starts from, and the digest of its bytes.
ALTER TABLE job ADD COLUMN init TEXT NOT NULL DEFAULT '';              -- '': drawn from the seed
ALTER TABLE job ADD COLUMN init_digest TEXT NOT NULL DEFAULT '';
