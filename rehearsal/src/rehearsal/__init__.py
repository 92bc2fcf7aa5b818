"""Stand-ins for Amazon's services that speak their protocols, and a rehearsal against them."""
