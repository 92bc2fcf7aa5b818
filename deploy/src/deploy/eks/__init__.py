"""Amazon EKS: the pipeline deployed, watched over and taken away again."""
