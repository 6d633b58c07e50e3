"""Users dealt out to this process, to several, or to a cluster; what comes out is the same."""
