"""The networks of gancodec and their training in PyTorch. Reading order: layers, networks, rates, lpips, stage1, stage2,
trainer. What the C++ of include/gancodec/ defines is not explained again here: names are the same."""
