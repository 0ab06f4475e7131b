# The rest of the host: disks, boot loader, users. Its name is its key in iam-ra.yaml.
{
  networking.hostName = "web";
}
