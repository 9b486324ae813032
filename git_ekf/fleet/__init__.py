"""Many internal repositories of one vendor: the file that names them, and their store."""
