"""The stand-in for the EFS CSI driver, as it runs on each node; it needs nothing but grpcio.

A file system is a folder of the node that all nodes share, and mounting it is a bind mount. What
the real driver refuses, this one refuses: handles it cannot read, access modes, options, access
points and file systems that Amazon does not know.
"""
