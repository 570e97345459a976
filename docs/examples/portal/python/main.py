import sys

from link import portal_link

print(portal_link(sys.argv[1], sys.argv[2]))
