"""Amazon's services: moto's server, and a plug-in with what a deployment needs and moto lacks.

moto 5.2.5 answers the APIs. Its CloudFormation knows none of the types of EKS, AWS Backup, Budgets
and Managed Prometheus, neither `Fn::Cidr` nor a rollback, and tags next to nothing. So the plug-in
brings a CloudFormation of its own, on moto's services: `templates`, `schemas`, `stacks`, `changes`,
`engine` and `cloudformation`; types in `providers` and in modules named for their services; and a
hook around every call, `hook`, that records it and lets it fail on request. `plug_in` is the one
place where moto is patched. Nothing here is part of the product.
"""
