"""New items: who foresees their takers when nobody has taken them yet?"""
