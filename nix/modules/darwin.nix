# nix-darwin. launchd hands no credentials to daemons, so the product here is the user's profile.
{
  imports = [ ./system.nix ];
}
