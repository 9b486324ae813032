"""git-ekf: run a vendor's Kubernetes manifests the GitOps way.

Nothing is imported here: every hook and every command starts by loading this file.
"""

__version__ = "0.1.0"
