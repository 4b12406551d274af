"""What a system is made of: parameter files, nodes, processes, run folders."""
