-- Which key a worker's instance first came with (NULL: none was asked for). Its attempts belong to that key.
ALTER TABLE worker ADD COLUMN public_key BLOB CHECK (length(public_key) = 32);
ALTER TABLE worker ADD COLUMN key_name TEXT;
