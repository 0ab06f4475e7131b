# What all hosts share: disks, boot loader, users.
{
}
