"""What commands print, where several print it or it is long."""
