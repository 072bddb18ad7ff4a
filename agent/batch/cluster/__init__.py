"""Runs on a Ray cluster: the same workers as on one machine, in processes of its nodes.

=================  ====================================================================================================
``engine``         the engine: connects, and asks for as many processes as are wanted
``crew``           the driver's side: processes are given jobs, and replaced when they or their nodes die
``node``           the nodes' side: a process that does several jobs at a time
``hub``            what the processes of a run share: its budget, the gates before providers, the news for the board
``kept``           where the run is kept, as nodes find it
``placement``      what a job asks of a node, and which job is for which node
``connect``        Ray itself
=================  ====================================================================================================
"""
