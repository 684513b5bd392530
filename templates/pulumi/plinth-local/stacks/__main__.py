from plinth.program import main

main()
