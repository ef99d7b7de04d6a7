print("avouch")
