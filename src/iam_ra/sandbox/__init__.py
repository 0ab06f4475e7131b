"""A local AWS for trying and testing: moto's services, and the Roles Anywhere and CloudFormation it lacks."""
