//! From what registers say to what meters say (pure): ratios, sums, means, load and imbalance.
