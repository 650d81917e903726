"""The network on other runtimes than torch, with the call and the output of `BiGRUForCTC`."""
