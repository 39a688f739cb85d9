def draw(work, root):
    return ''
