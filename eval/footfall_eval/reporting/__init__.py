"""Results for people: the page, the plots, the table of the terminal."""
