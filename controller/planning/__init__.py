"""Planning: graph, order, diff, plan, guard and rendering. Pure: values in, values out.

Never calls an organisation, git, the store or the file system.
"""
