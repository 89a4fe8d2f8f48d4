"""The commands of `penchant`, one file each; what a command needs is imported when it runs."""
