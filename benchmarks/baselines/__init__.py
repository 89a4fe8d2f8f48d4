"""What Penchant is measured against: small, plain methods, each tuned on the part before the measured one."""
